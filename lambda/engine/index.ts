/** The engine's public face. Everything below is reached through these. */
export { converge } from './converge';
export type { EngineContext } from './run';
export { standing } from './standing';
export { plan, status } from './status';
export { type DownRequest, down } from './undo/down';
export { verify } from './verify';
