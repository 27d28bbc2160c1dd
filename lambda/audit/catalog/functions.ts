import {
  buildIsOwnSchemaSql,
  buildNotExtensionMemberSql,
  buildOwnerSql,
  buildPageSql,
  buildSortedSql,
  type ObjectKind,
} from './kind';

/**
 * A function, procedure or aggregate, identified by its schema, name and argument types: `shop.total(integer, text)`.
 */
export interface Routine {
  readonly schema: string;
  readonly name: string;
  /** Types of the input arguments: `integer, text`. */
  readonly signature: string;
  readonly kind: 'function' | 'procedure' | 'window' | 'aggregate';
  /** CREATE OR REPLACE FUNCTION, as the server writes it. For an aggregate, the list of its parts. */
  readonly definition: string;
  /**
   * SHA-256 of the body only, in hexadecimal. It is the same on every major version, although definitions are written
   * differently. For an SQL body (BEGIN ATOMIC), it is the hash of the text that the server writes. Undefined for an
   * aggregate.
   */
  readonly bodyHash?: string;
  /** Language: `plpgsql`. */
  readonly language: string;
  /** Result type: `SETOF shop.customers`. Undefined for a procedure. */
  readonly returns?: string;
  /** The function runs with its owner's privileges. */
  readonly securityDefiner?: true;
  /** Settings of the function, sorted: `search_path=shop`. */
  readonly settings?: readonly string[];
  /**
   * Owner of the function.
   * @default - the owner of the database
   */
  readonly owner?: string;
}

/** The server keeps no text for an aggregate, and pg_get_functiondef rejects it, so its parts are listed. */
const AGGREGATE_SQL = `(SELECT concat_ws(', ', 'SFUNC = ' || a.aggtransfn::regprocedure,
    'STYPE = ' || format_type(a.aggtranstype, NULL),
    'FINALFUNC = ' || nullif(a.aggfinalfn, 0)::regprocedure, 'COMBINEFUNC = ' || nullif(a.aggcombinefn, 0)::regprocedure,
    'INITCOND = ' || quote_literal(a.agginitval), 'SORTOP = ' || nullif(a.aggsortop, 0)::regoperator,
    'MSFUNC = ' || nullif(a.aggmtransfn, 0)::regprocedure, 'PARALLEL = ' || p.proparallel::text)
  FROM pg_aggregate a WHERE a.aggfnoid = p.oid)`;

const FUNCTIONS_FROM_SQL =
  'pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang';

/** The application's functions, without the constructors that a range type creates. */
const IS_OWN_FUNCTION_SQL = `${buildIsOwnSchemaSql('n')} AND ${buildNotExtensionMemberSql('pg_proc', 'p.oid')}
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'i')`;

export const functions: ObjectKind<Routine> = {
  namedBy: ['schema', 'name', 'signature'],
  always: ['definition'],
  // To write out an SQL body (BEGIN ATOMIC), the server locks the tables that it names.
  atATime: 200,
  sql: (
    major,
  ) => `SELECT p.oid::text AS oid, n.nspname AS schema, p.proname AS name, oidvectortypes(p.proargtypes) AS signature,
    CASE p.prokind WHEN 'f' THEN 'function' WHEN 'p' THEN 'procedure' WHEN 'w' THEN 'window' ELSE 'aggregate' END AS kind,
    CASE WHEN p.prokind = 'a' THEN ${AGGREGATE_SQL} ELSE pg_get_functiondef(p.oid) END AS definition,
    CASE WHEN p.prokind <> 'a' THEN encode(sha256(convert_to(${
      major >= 14 ? 'coalesce(pg_get_function_sqlbody(p.oid), p.prosrc)' : 'p.prosrc'
    }, getdatabaseencoding())), 'hex') END AS "bodyHash",
    l.lanname AS language, pg_get_function_result(p.oid) AS returns, p.prosecdef AS "securityDefiner",
    ${buildSortedSql('p.proconfig')} AS settings, ${buildOwnerSql('p.proowner')}
  FROM ${FUNCTIONS_FROM_SQL} WHERE ${buildPageSql('p.oid', FUNCTIONS_FROM_SQL, IS_OWN_FUNCTION_SQL)}`,
};
