/**
 * Handles the settings with which pg_dump's output begins. They are meant for a session; a migration runs in a
 * transaction, where SET LOCAL has the same effect. Its timeouts of 0 are removed, because Trueup sets its own.
 */
import type { Node } from 'libpg-query';
import type { ParsedStatement } from './statements';
import { listNameParts, unwrapNode } from './tree';

const TIMEOUT_SETTINGS = /^(statement|lock|idle_in_transaction_session|transaction)_timeout$/;
/**
 * The settings with their allowed values: with another encoding or string syntax the server would read the file
 * differently from this parser.
 */
const DUMP_SETTINGS: ReadonlyMap<string, RegExp> = new Map([
  ['check_function_bodies', /./],
  ['client_encoding', /^utf-?8$/i],
  ['client_min_messages', /./],
  ['default_table_access_method', /./],
  ['default_tablespace', /^/],
  ['default_with_oids', /^(false|off)$/],
  ['row_security', /./],
  ['standard_conforming_strings', /^on$/],
  ['xmloption', /./],
]);

export function removeDumpSettings(statements: readonly ParsedStatement[]): ParsedStatement[] {
  return statements.flatMap((statement) => {
    const { node, sql } = statement;
    const set = unwrapNode(node, 'VariableSetStmt');
    const name = set?.kind === 'VAR_SET_VALUE' && !set.is_local ? (set.name ?? '') : '';
    const [value, ...others] = set?.args ?? [];
    if (TIMEOUT_SETTINGS.test(name) && others.length === 0 && isZero(value)) return [];
    if (set && DUMP_SETTINGS.get(name)?.test(unwrapNode(value, 'A_Const')?.sval?.sval ?? '')) {
      const local = { VariableSetStmt: { ...set, is_local: true } };
      return { ...statement, node: local, sql: sql.replace(/^set\s+(session\s+)?/i, 'SET LOCAL ') };
    }
    return clearsSearchPath(node)
      ? { ...statement, node: EMPTY_SEARCH_PATH, sql: "SET LOCAL search_path = ''" }
      : statement;
  });
}

const isZero = (value: Node | undefined): boolean => {
  const { ival } = unwrapNode(value, 'A_Const') ?? {};
  return ival !== undefined && (ival.ival ?? 0) === 0;
};

/** Matches SELECT pg_catalog.set_config('search_path', '', false). */
function clearsSearchPath(node: Node): boolean {
  const [target, ...others] = unwrapNode(node, 'SelectStmt')?.targetList ?? [];
  const call = unwrapNode(unwrapNode(target, 'ResTarget')?.val, 'FuncCall');
  if (!call || others.length > 0 || listNameParts(call.funcname).at(-1) !== 'set_config') return false;
  const [setting, value, local] = (call.args ?? []).map((each) => unwrapNode(each, 'A_Const'));
  return (
    setting?.sval?.sval === 'search_path' &&
    value?.sval !== undefined &&
    (value.sval.sval ?? '') === '' &&
    local?.boolval !== undefined &&
    !local.boolval.boolval
  );
}

const EMPTY_SEARCH_PATH: Node = {
  VariableSetStmt: {
    kind: 'VAR_SET_VALUE',
    name: 'search_path',
    args: [{ A_Const: { sval: { sval: '' } } }],
    is_local: true,
  },
};
