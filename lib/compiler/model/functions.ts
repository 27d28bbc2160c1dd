/**
 * Functions that the folder creates. Calls name no argument types, so a name is trusted only if every function with it
 * is: an overload, or a function of the same name in another schema, may be the one that is called.
 */
import type { CreateFunctionStmt, Node } from 'libpg-query';
import { ParseFailure, parseSql } from '../read/parser';
import { findOption, formatSqlName, listNameParts, unwrapNode, unwrapNodes } from '../read/tree';
import { inspectTree } from '../rules/inspect';
import * as builtins from './builtins';

type NameParts = readonly string[];
/** Returns the key of a function's name at the place of the call. */
type KeyResolver = (name: NameParts) => string;

interface KnownFunction {
  readonly key: string;
  /**
   * Whether it is STABLE or IMMUTABLE. The server then rejects data changes by its own statements, but not by the
   * functions that it calls.
   */
  readonly stable: boolean;
  /** Functions that it calls; `null` if the body cannot be read. */
  readonly calls: readonly NameParts[] | null;
}

export class FunctionModel {
  /** Functions by name without schema, then by argument types. */
  private readonly known = new Map<string, Map<string, KnownFunction>>();

  define(body: CreateFunctionStmt, key: string): void {
    const volatility = unwrapNode(findOption(body.options, 'volatility')?.arg, 'String')?.sval;
    const stable = volatility === 'stable' || volatility === 'immutable';
    const name = listNameParts(body.funcname).at(-1) ?? '';
    this.named(name).set(buildSignature(body, key), { key, stable, calls: listCalls(body) });
  }

  /**
   * Marks functions as unknown after a change, or after another function got the name. Only CREATE OR REPLACE makes
   * them known again.
   */
  distrust(name: NameParts): void {
    const known = this.named(name.at(-1)!);
    const signatures = known.size > 0 ? [...known.keys()] : [''];
    for (const signature of signatures) known.set(signature, { key: '', stable: false, calls: null });
  }

  /** Marks all functions as unknown, since a schema was renamed. */
  distrustAll(): void {
    for (const name of this.known.keys()) this.distrust([name]);
  }

  /** Forgets the stable functions of this name: a function that is called by it after the DROP existed before. */
  drop(name: NameParts): void {
    const known = this.named(name.at(-1)!);
    for (const [signature, { stable }] of known) if (stable) known.delete(signature);
  }

  /** Tells whether a call of the function changes no data. */
  changesNoData(name: NameParts, getKey: KeyResolver): boolean {
    // Follows the calls transitively, each function once, since functions may call each other.
    const reached = new Map([[formatSqlName(name), name]]);
    for (const each of reached.values()) {
      const seen = ({ stable, calls }: KnownFunction): boolean => {
        for (const call of calls ?? []) reached.set(formatSqlName(call), call);
        return stable && calls !== null;
      };
      if (!(this.isOne(each, getKey, seen) ?? builtins.isHarmlessBuiltin(each))) return false;
    }
    return true;
  }

  /** Tells whether the function is computed only once as the default of a new column, so that no row is rewritten. */
  isStable(name: NameParts, getKey: KeyResolver): boolean {
    return this.isOne(name, getKey, ({ stable }) => stable) ?? builtins.isStableBuiltin(name);
  }

  /**
   * Tells whether `is` holds for the function that the name means; `undefined` if the folder created none of that name.
   */
  private isOne(
    name: NameParts,
    getKey: KeyResolver,
    is: (known: KnownFunction) => boolean,
  ): boolean | undefined {
    const known = [...(this.known.get(name.at(-1)!)?.values() ?? [])];
    if (known.length === 0) return undefined;
    return (
      known.every(is) && (builtins.isHarmlessBuiltin(name) || known.some(({ key }) => key === getKey(name)))
    );
  }

  private named(name: string): Map<string, KnownFunction> {
    const known = this.known.get(name) ?? new Map<string, KnownFunction>();
    this.known.set(name, known);
    return known;
  }
}

const buildSignature = ({ parameters }: CreateFunctionStmt, key: string): string => {
  const types = unwrapNodes(parameters, 'FunctionParameter')
    .filter(({ mode }) => mode !== 'FUNC_PARAM_OUT' && mode !== 'FUNC_PARAM_TABLE')
    .map(({ argType }) => [listNameParts(argType?.names), argType?.arrayBounds?.length ?? 0]);
  return JSON.stringify([key, types]);
};

/**
 * Lists what a SQL function calls, including in the defaults of its arguments. `null` for other languages, whose bodies
 * are not read.
 */
function listCalls(body: CreateFunctionStmt): NameParts[] | null {
  const { options, parameters = [], sql_body } = body;
  const language = unwrapNode(findOption(options, 'language')?.arg, 'String')?.sval?.toLowerCase();
  if (language === undefined ? !sql_body : language !== 'sql') return null;
  const text = listNameParts(unwrapNode(findOption(options, 'as')?.arg, 'List')?.items).join('');
  try {
    const statements = sql_body ? [sql_body] : parseSql(text).statements.map(({ node }) => node);
    return [...parameters, ...statements].flatMap(listCalledNames);
  } catch (error) {
    if (error instanceof ParseFailure) return null;
    throw error;
  }
}

const listCalledNames = (node: Node): NameParts[] => inspectTree(node).calls.map(({ name }) => name);
