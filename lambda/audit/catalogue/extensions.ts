import type { Kind } from './kind';

export interface Extension {
  readonly name: string;
  readonly version: string;
  /** Where its objects are; fixed by some extensions. */
  readonly schema: string;
}

export const extensions: Kind<Extension> = {
  namedBy: ['name'],
  sql: () => `SELECT e.extname AS name, e.extversion AS version, n.nspname AS schema
    FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace`,
};
