/** Path of the relay's WebSocket endpoint, put in by the build, which has it from the module. */
declare const __WS_PATH__: string;
/** Header by which a relay says that it refuses; from the module too. */
declare const __REFUSAL_HEADER__: string;
