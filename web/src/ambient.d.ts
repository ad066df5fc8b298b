/** Path of the relay's WebSocket endpoint, put in by the build from the wire authority. */
declare const __WS_PATH__: string;
