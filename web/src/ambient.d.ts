/** Path of the relay's WebSocket endpoint, put in by the build, which has it from the module. */
declare const __WS_PATH__: string;
/** Header by which a relay says that it refuses; from the module too. */
declare const __REFUSAL_HEADER__: string;
/** Code in it where a token or a session is missing; from the module too. */
declare const __UNAUTHENTICATED__: string;
/** Path of the page's session; from the module too. */
declare const __SESSION_PATH__: string;
/** Close code of a connection whose token or session is no longer valid; from the module too. */
declare const __NOT_AUTHORISED__: number;
/** Close code of a client and a relay that speak different protocols; from the module too. */
declare const __PROTOCOL_ERROR__: number;
