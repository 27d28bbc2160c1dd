/** Whether the database makes a column's value by itself, a new one each time. Pure. */
import type { Column } from './catalogue/columns';

export interface Generator {
  readonly kind: 'sequence' | 'uuid' | 'other';
  /** As SQL. */
  readonly text: string;
}

const UUID = /^(?:"?[\w$]+"?\.)?(?:gen_random_uuid|uuid_generate_v\w+|uuidv[47])\(/;

export function generatorOf({ default: by, identity }: Column): Generator | null {
  if (identity) return { kind: 'sequence', text: `GENERATED ${identity.toUpperCase()} AS IDENTITY` };
  if (by === undefined) return null;
  const bare = by.replace(/^\(+/, '');
  const text = `DEFAULT ${by}`;
  if (/^(?:pg_catalog\.)?nextval\(/.test(bare)) return { kind: 'sequence', text };
  if (UUID.test(bare)) return { kind: 'uuid', text };
  // A constant makes no key, whatever is written in it; a function of somebody's own may.
  return /\(/.test(bare.replace(/'(?:[^']|'')*'/g, '')) ? { kind: 'other', text } : null;
}
