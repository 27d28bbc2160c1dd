/** The engine's entry points. */
export { converge } from './converge';
export { plan, readStatus } from './read-status';
export type { EngineContext } from './run';
export { readTenantStatus } from './tenant-status';
export { type DownRequest, down } from './undo/down';
export { forgetBaseline } from './undo/forget-baseline';
export { verify } from './verify';
