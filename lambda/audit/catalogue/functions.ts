import { type Kind, NO_MEMBER, OWN_SCHEMA, PAGE, SORTED } from './kind';

/** Named by its schema, name and the types of its arguments: `shop.total(integer, text)`. */
export interface Routine {
  readonly schema: string;
  readonly name: string;
  /** `integer, text`: types of what it is called with. */
  readonly signature: string;
  readonly kind: 'function' | 'procedure' | 'window' | 'aggregate';
  /** CREATE OR REPLACE FUNCTION, as the server writes it; of an aggregate what it is made of. */
  readonly definition: string;
  /**
   * SHA-256 of the body alone, in hexadecimal: the same on every major, where definitions are written differently. None
   * of an aggregate; of a body of SQL (BEGIN ATOMIC) that of the text that the server writes.
   */
  readonly bodyHash?: string;
  /** `plpgsql` */
  readonly language: string;
  /** `SETOF shop.customers`; none of a procedure. */
  readonly returns?: string;
  /** Runs with its owner's rights. */
  readonly securityDefiner?: true;
  /** `search_path=shop`, sorted. */
  readonly settings?: readonly string[];
}

/** An aggregate has no text of its own in the server: pg_get_functiondef refuses it. */
const AGGREGATE = `(SELECT concat_ws(', ', 'SFUNC = ' || a.aggtransfn::regprocedure,
    'STYPE = ' || format_type(a.aggtranstype, NULL),
    'FINALFUNC = ' || nullif(a.aggfinalfn, 0)::regprocedure, 'COMBINEFUNC = ' || nullif(a.aggcombinefn, 0)::regprocedure,
    'INITCOND = ' || quote_literal(a.agginitval), 'SORTOP = ' || nullif(a.aggsortop, 0)::regoperator,
    'MSFUNC = ' || nullif(a.aggmtransfn, 0)::regprocedure, 'PARALLEL = ' || p.proparallel::text)
  FROM pg_aggregate a WHERE a.aggfnoid = p.oid)`;

const FROM =
  'pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang';

/** But for what a range type brings with it. */
const OWN = `${OWN_SCHEMA('n')} AND ${NO_MEMBER('pg_proc', 'p.oid')}
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'i')`;

export const functions: Kind<Routine> = {
  namedBy: ['schema', 'name', 'signature'],
  always: ['definition'],
  // A body of SQL (BEGIN ATOMIC) locks the tables that it names while it is written out.
  atATime: 200,
  sql: (
    major,
  ) => `SELECT p.oid::text AS oid, n.nspname AS schema, p.proname AS name, oidvectortypes(p.proargtypes) AS signature,
    CASE p.prokind WHEN 'f' THEN 'function' WHEN 'p' THEN 'procedure' WHEN 'w' THEN 'window' ELSE 'aggregate' END AS kind,
    CASE WHEN p.prokind = 'a' THEN ${AGGREGATE} ELSE pg_get_functiondef(p.oid) END AS definition,
    CASE WHEN p.prokind <> 'a' THEN encode(sha256(convert_to(${
      major >= 14 ? 'coalesce(pg_get_function_sqlbody(p.oid), p.prosrc)' : 'p.prosrc'
    }, getdatabaseencoding())), 'hex') END AS "bodyHash",
    l.lanname AS language, pg_get_function_result(p.oid) AS returns, p.prosecdef AS "securityDefiner",
    ${SORTED('p.proconfig')} AS settings
  FROM ${FROM} WHERE ${PAGE('p.oid', FROM, OWN)}`,
};
