/**
 * Functions that the folder makes. A call names no argument types, so a name is trusted only while every function of
 * that name is: an overload, or one of the same name in another schema, may be what is called.
 */
import type { CreateFunctionStmt, Node } from 'libpg-query';
import { ParseFailure, parse } from '../read/parser';
import { all, as, option, sqlName, words } from '../read/tree';
import { inspect } from '../rules/inspect';
import * as builtins from './builtins';

type Name = readonly string[];
/** From a function's name to the key under which it is known where it is called. */
type KeyOf = (name: Name) => string;

interface Known {
  readonly key: string;
  /** STABLE or IMMUTABLE: the server then lets its own statements change nothing, but not what they call. */
  readonly stable: boolean;
  /** What it calls; null where that cannot be seen. */
  readonly calls: readonly Name[] | null;
}

export class Functions {
  /** By name without schema, then by argument types. */
  private readonly known = new Map<string, Map<string, Known>>();

  define(body: CreateFunctionStmt, key: string): void {
    const volatility = as(option(body.options, 'volatility')?.arg, 'String')?.sval;
    const stable = volatility === 'stable' || volatility === 'immutable';
    const name = words(body.funcname).at(-1) ?? '';
    this.named(name).set(signatureOf(body, key), { key, stable, calls: callsOf(body) });
  }

  /** It was changed, or another one got its name: only CREATE OR REPLACE says again what it is. */
  distrust(name: Name): void {
    const known = this.named(name.at(-1)!);
    const signatures = known.size > 0 ? [...known.keys()] : [''];
    for (const signature of signatures) known.set(signature, { key: '', stable: false, calls: null });
  }

  /** Schemas have other names now. */
  distrustAll(): void {
    for (const name of this.known.keys()) this.distrust([name]);
  }

  /** What is called by its name after DROP was there before. */
  drop(name: Name): void {
    const known = this.named(name.at(-1)!);
    for (const [signature, { stable }] of known) if (stable) known.delete(signature);
  }

  /** Calling it changes no data. */
  changesNoData(name: Name, keyOf: KeyOf): boolean {
    // Whatever it calls, and that calls: each once, since they may call each other.
    const reached = new Map([[sqlName(name), name]]);
    for (const each of reached.values()) {
      const seen = ({ stable, calls }: Known): boolean => {
        for (const call of calls ?? []) reached.set(sqlName(call), call);
        return stable && calls !== null;
      };
      if (!(this.isOne(each, keyOf, seen) ?? builtins.isHarmlessBuiltin(each))) return false;
    }
    return true;
  }

  /** As a column's default it is computed once, so that no row is rewritten. */
  isStable(name: Name, keyOf: KeyOf): boolean {
    return this.isOne(name, keyOf, ({ stable }) => stable) ?? builtins.isStable(name);
  }

  /** Undefined where the folder made none of that name. */
  private isOne(name: Name, keyOf: KeyOf, is: (known: Known) => boolean): boolean | undefined {
    const known = [...(this.known.get(name.at(-1)!)?.values() ?? [])];
    if (known.length === 0) return undefined;
    return (
      known.every(is) && (builtins.isHarmlessBuiltin(name) || known.some(({ key }) => key === keyOf(name)))
    );
  }

  private named(name: string): Map<string, Known> {
    const known = this.known.get(name) ?? new Map<string, Known>();
    this.known.set(name, known);
    return known;
  }
}

const signatureOf = ({ parameters }: CreateFunctionStmt, key: string): string => {
  const types = all(parameters, 'FunctionParameter')
    .filter(({ mode }) => mode !== 'FUNC_PARAM_OUT' && mode !== 'FUNC_PARAM_TABLE')
    .map(({ argType }) => [words(argType?.names), argType?.arrayBounds?.length ?? 0]);
  return JSON.stringify([key, types]);
};

/** Of a function in SQL, with the defaults of its arguments. A body in another language is not read. */
function callsOf(body: CreateFunctionStmt): Name[] | null {
  const { options, parameters = [], sql_body } = body;
  const language = as(option(options, 'language')?.arg, 'String')?.sval?.toLowerCase();
  if (language === undefined ? !sql_body : language !== 'sql') return null;
  const text = words(as(option(options, 'as')?.arg, 'List')?.items).join('');
  try {
    const statements = sql_body ? [sql_body] : parse(text).statements.map(({ node }) => node);
    return [...parameters, ...statements].flatMap(namesOf);
  } catch (error) {
    if (error instanceof ParseFailure) return null;
    throw error;
  }
}

const namesOf = (node: Node): Name[] => inspect(node).calls.map(({ name }) => name);
