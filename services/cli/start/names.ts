/** Names on the bus of the one-machine default. */
export const gatewayName = "gateway";
export const hostName = "local";
export const auditorName = "start";
