/**
 * What a prop must be, checked at synth: a value that type-checks and is nonsense would fail minutes later, or never. A
 * table of checks has an entry for every prop (`Checks` makes the compiler ask for it), and all that is wrong with a
 * construct's props is said at once.
 */
import type { IConstruct } from 'constructs';

/** What is wrong with the value of `name`, in one sentence without a full stop; undefined when nothing is. */
export type Check = (value: unknown, name: string) => string | undefined;

/** A check for each prop, optional ones too. */
export type Checks<Props> = { readonly [Name in keyof Props]-?: Check };

/**
 * @param where the construct, or how the object is made, e.g. `SchemaDatabase.existing`
 * @throws {Error} naming each prop that is wrong, its value and what it must be
 */
export function checkProps<Props extends object>(
  where: IConstruct | string,
  props: NoInfer<Props>,
  checks: Checks<Props>,
): void {
  checkObject(where, props);
  const problems = Object.entries<Check>(checks)
    .map(([name, check]) => check((props as Record<string, unknown>)[name], name))
    .filter((problem) => problem !== undefined);
  if (problems.length > 0) refuse(where, ...problems);
}

/** Before `super`, which reads the props of a stack. */
export function checkObject<Props extends object>(where: IConstruct | string, props: Props): Props {
  if (typeof props === 'object' && props !== null) return props;
  return refuse(where, fault('props', props, 'must be an object'));
}

/** @throws {Error} one line for each problem, which says where it is */
export function refuse(where: IConstruct | string, ...problems: readonly string[]): never {
  throw new Error(problems.map((problem) => `${placeOf(where)}: ${problem}.`).join('\n'));
}

const placeOf = (where: IConstruct | string): string => (typeof where === 'string' ? where : where.node.path);

/** Says where it was, of what a function throws that knows no construct. */
export function within<T>(where: IConstruct | string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new Error(`${placeOf(where)}: ${(error as Error).message}`, { cause: error });
  }
}

/** E.g. `threshold is 0; it must be a whole number from 1 to 10`. */
export const fault = (name: string, value: unknown, what: string): string =>
  `${name} is ${shown(value)}; it ${what}`;

/** Lets a prop be left out. `null` is not left out. */
export const optional =
  (check: Check): Check =>
  (value, name) =>
    value === undefined ? undefined : check(value, name);

const SHOWN_MAX = 80;

/** A value for an error: short, on one line, and without the password of a connection string. */
export function shown(value: unknown): string {
  if (typeof value === 'string') {
    const text = JSON.stringify(withoutPassword(value).slice(0, SHOWN_MAX));
    return value.length > SHOWN_MAX ? `${text}… (${value.length} characters)` : text;
  }
  return typeof value === 'object' ? kindOf(value) : String(value);
}

/** `postgres://me:secret@host`, `me:secret@host`, `host=h password=secret`. */
const withoutPassword = (value: string): string =>
  value.replace(/^[^:]*:.*@/s, '…@').replace(/(password\s*=\s*)('[^']*'|\S+)/gi, '$1…');

/** What sort of thing it is, for what must be an object: a string there may be a secret. */
export function kindOf(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? '[]' : `a list of ${value.length}`;
  if (value === null || typeof value !== 'object') {
    return value === undefined || value === null ? String(value) : `a ${typeof value}`;
  }
  const name = typeName(value);
  return isConstruct(value) ? `the ${name} ${value.node.path}` : `a value of type ${name}`;
}

/** AWS's CDK is compiled so that a class may be called DatabaseInstance2; jsii keeps the name that users know. */
function typeName(value: object): string {
  const type = value.constructor as { name?: string; [JSII]?: { fqn?: string } } | undefined;
  return type?.[JSII]?.fqn?.split('.').at(-1) ?? type?.name ?? 'Object';
}
const JSII = Symbol.for('jsii.rtti');

const isConstruct = (value: object): value is IConstruct =>
  typeof (value as IConstruct).node?.path === 'string';
