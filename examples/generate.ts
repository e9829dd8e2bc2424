/** Writes examples/sallyport.yaml from the schema. */

import { exampleText } from "../shared/config/example.ts";

Deno.writeTextFileSync(new URL("sallyport.yaml", import.meta.url), exampleText());
