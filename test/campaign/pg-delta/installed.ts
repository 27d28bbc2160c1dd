/** pg-delta, where it is installed: `npm install --prefix test/campaign/pg-delta`. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Pool } from 'pg';

export const PG_DELTA_FOLDER = join(__dirname, 'node_modules/@supabase/pg-delta');
export const INSTALL = 'npm install --prefix test/campaign/pg-delta';

/** What a fact is about. Fields by kind: `schema` and `name`, `table`, or the `target` of a comment or a privilege. */
export interface FactId {
  readonly kind: string;
  readonly schema?: string;
  readonly table?: string;
  readonly name?: string;
  readonly target?: FactId;
}

export interface Delta {
  readonly verb: string;
  readonly fact?: { readonly id: FactId; readonly parent?: FactId };
  readonly id?: FactId;
  readonly attr?: string;
  readonly edge?: { readonly from: FactId; readonly to: FactId; readonly kind: string };
}

export interface PgDelta {
  extract(pool: Pool): Promise<{ readonly factBase: unknown }>;
  plan(from: unknown, to: unknown): { readonly deltas: readonly Delta[] };
}

/** Null where it is not installed. */
export async function pgDelta(): Promise<PgDelta | null> {
  if (!existsSync(PG_DELTA_FOLDER)) return null;
  const load = (file: string) => import(pathToFileURL(join(PG_DELTA_FOLDER, 'dist', file)).href);
  const [{ extract }, { plan }] = await Promise.all([load('extract/extract.js'), load('plan/plan.js')]);
  return { extract, plan };
}
