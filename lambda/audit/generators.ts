/** Recognizes columns whose values the database generates. Pure. */
import type { Column } from './catalog/columns';

export interface KeyGenerator {
  readonly kind: 'sequence' | 'uuid' | 'other';
  /** Generator as SQL. */
  readonly text: string;
}

const UUID_CALL_PATTERN = /^(?:"?[\w$]+"?\.)?(?:gen_random_uuid|uuid_generate_v\w+|uuidv[47])\(/;

export function readKeyGenerator({ default: by, identity }: Column): KeyGenerator | null {
  if (identity) return { kind: 'sequence', text: `GENERATED ${identity.toUpperCase()} AS IDENTITY` };
  if (by === undefined) return null;
  const bare = by.replace(/^\(+/, '');
  const text = `DEFAULT ${by}`;
  if (/^(?:pg_catalog\.)?nextval\(/.test(bare)) return { kind: 'sequence', text };
  if (UUID_CALL_PATTERN.test(bare)) return { kind: 'uuid', text };
  // A constant does not generate a key, even if it contains a parenthesis. A user-defined function may.
  return /\(/.test(bare.replace(/'(?:[^']|'')*'/g, '')) ? { kind: 'other', text } : null;
}
