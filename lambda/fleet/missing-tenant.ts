/**
 * Recognizes that a tenant does not exist according to its server: there is no database of that name, or no such
 * schema in it. Pure.
 */
import type { ErrorInfo } from '../contract/errors';

/** invalid_catalog_name and invalid_schema_name: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const MISSING_SQLSTATES: ReadonlySet<string> = new Set(['3D000', '3F000']);

export const isTenantMissing = (error: Pick<ErrorInfo, 'sqlstate'> | undefined): boolean =>
  error?.sqlstate !== undefined && MISSING_SQLSTATES.has(error.sqlstate);
