/** The version heartbeats and the SSH identification string carry. */
export const version = "0.1.0";
