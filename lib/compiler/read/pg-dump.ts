/**
 * The settings that pg_dump's output begins with. They are meant for a session; a migration has a transaction, in which
 * they do the same as SET LOCAL. Its timeouts of 0 are Trueup's to decide.
 */
import type { Node } from 'libpg-query';
import type { ParsedStatement } from './statements';
import { as, words } from './tree';

const TIMEOUTS = /^(statement|lock|idle_in_transaction_session|transaction)_timeout$/;
/** With the values that they may have: another encoding, or other strings, would be read otherwise than it was here. */
const SETTINGS: ReadonlyMap<string, RegExp> = new Map([
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

export function withoutDumpSettings(statements: readonly ParsedStatement[]): ParsedStatement[] {
  return statements.flatMap((statement) => {
    const { node, sql } = statement;
    const set = as(node, 'VariableSetStmt');
    const name = set?.kind === 'VAR_SET_VALUE' && !set.is_local ? (set.name ?? '') : '';
    const [value, ...others] = set?.args ?? [];
    if (TIMEOUTS.test(name) && others.length === 0 && isZero(value)) return [];
    if (set && SETTINGS.get(name)?.test(as(value, 'A_Const')?.sval?.sval ?? '')) {
      const local = { VariableSetStmt: { ...set, is_local: true } };
      return { ...statement, node: local, sql: sql.replace(/^set\s+(session\s+)?/i, 'SET LOCAL ') };
    }
    return emptiesThePath(node)
      ? { ...statement, node: EMPTY_PATH, sql: "SET LOCAL search_path = ''" }
      : statement;
  });
}

const isZero = (value: Node | undefined): boolean => {
  const { ival } = as(value, 'A_Const') ?? {};
  return ival !== undefined && (ival.ival ?? 0) === 0;
};

/** SELECT pg_catalog.set_config('search_path', '', false) */
function emptiesThePath(node: Node): boolean {
  const [target, ...others] = as(node, 'SelectStmt')?.targetList ?? [];
  const call = as(as(target, 'ResTarget')?.val, 'FuncCall');
  if (!call || others.length > 0 || words(call.funcname).at(-1) !== 'set_config') return false;
  const [setting, value, local] = (call.args ?? []).map((each) => as(each, 'A_Const'));
  return (
    setting?.sval?.sval === 'search_path' &&
    value?.sval !== undefined &&
    (value.sval.sval ?? '') === '' &&
    local?.boolval !== undefined &&
    !local.boolval.boolval
  );
}

const EMPTY_PATH: Node = {
  VariableSetStmt: {
    kind: 'VAR_SET_VALUE',
    name: 'search_path',
    args: [{ A_Const: { sval: { sval: '' } } }],
    is_local: true,
  },
};
