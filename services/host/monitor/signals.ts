/** The signals a monitor acts on. */

import { signalNumbers } from "../../../shared/protocol/names.ts";

/** TERM drains, INT ends at once. Blocked by whoever starts a monitor; else their default effect ends it at once. */
export const monitorSignals = [signalNumbers.TERM, signalNumbers.INT];
