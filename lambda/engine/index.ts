/** The engine's public face. Everything below is reached through these. */
export { converge } from './converge';
export { type DownRequest, down } from './down';
export type { EngineContext } from './run';
export { plan, status } from './status';
export { verify } from './verify';
