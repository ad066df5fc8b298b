/** Path of the relay's WebSocket endpoint, put in by the build, which has it from the module. */
declare const __WS_PATH__: string;
