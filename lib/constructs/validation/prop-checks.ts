/**
 * Checks props at synth, because a value that type-checks but makes no sense would fail minutes later or never. A table
 * of checks has an entry for every prop (the type `Checks` enforces it), and all problems with a construct's props are
 * reported at once.
 */
import { Stack } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { keepTextOnly } from './uncaught-errors';

/**
 * A function that returns what is wrong with the value of `name`, as one sentence without a full stop, or undefined if
 * nothing is.
 */
export type PropCheck = (value: unknown, name: string) => string | undefined;

/** A check for each prop, including the optional ones. */
export type PropChecks<Props> = { readonly [Name in keyof Props]-?: PropCheck };

/**
 * Checks an object's props.
 * @param where the construct, or the call that creates the object, e.g. `SchemaDatabase.existing`
 * @throws {Error} naming each prop that is wrong, its value and what it must be
 */
export function checkProps<Props extends object>(
  where: IConstruct | string,
  props: NoInfer<Props>,
  checks: PropChecks<Props>,
): void {
  checkObject(where, props);
  const problems = Object.entries<PropCheck>(checks)
    .map(([name, check]) => check((props as Record<string, unknown>)[name], name))
    .filter((problem) => problem !== undefined);
  // A stack also has CDK's own props.
  if (!Stack.isStack(where)) problems.push(...findUnknownProps(props, Object.keys(checks)));
  if (problems.length > 0) throwProblems(where, ...problems);
}

/**
 * Reports unknown props. TypeScript refuses them in an object literal; in JavaScript, or spread into the props, they
 * would be ignored silently.
 */
export const findUnknownProps = (props: object, known: readonly string[], of = ''): string[] =>
  Object.entries(props)
    .filter(([name, value]) => value !== undefined && !known.includes(name))
    .map(([name]) => `${of}${name} is not a prop; it must be one of ${known.join(', ')}`);

/** Checks that the props are an object. A stack calls it before `super`, which reads the props. */
export function checkObject<Props extends object>(where: IConstruct | string, props: Props): Props {
  if (typeof props === 'object' && props !== null) return props;
  return throwProblems(where, describeFault('props', props, 'must be an object'));
}

/** Refuses props. @throws {Error} with one line for each problem and its place */
export function throwProblems(where: IConstruct | string, ...problems: readonly string[]): never {
  throw new Error(problems.map((problem) => `${formatLocation(where)}: ${problem}.`).join('\n'));
}

const formatLocation = (where: IConstruct | string): string =>
  typeof where === 'string' ? where : where.node.path;

/**
 * Calls `work`, which does not know the construct, and puts the place in front of the message of any error that it
 * throws.
 */
export function prefixErrors<T>(where: IConstruct | string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const text = `${formatLocation(where)}: ${(error as Error).message}`;
    throw keepTextOnly(error, new Error(text, { cause: error }), text);
  }
}

/** Formats a problem, e.g. `threshold is 0; it must be a whole number from 1 to 10`. */
export const describeFault = (name: string, value: unknown, what: string): string =>
  `${name} is ${formatValue(value)}; it ${what}`;

/** Makes a check accept a missing prop. `null` does not count as missing. */
export const optional =
  (check: PropCheck): PropCheck =>
  (value, name) =>
    value === undefined ? undefined : check(value, name);

const MAX_VALUE_LENGTH = 80;

/** Formats a value for an error message: short, on one line, and without the password of a connection string. */
export function formatValue(value: unknown): string {
  if (typeof value === 'string') {
    const text = JSON.stringify(maskPassword(value).slice(0, MAX_VALUE_LENGTH));
    return value.length > MAX_VALUE_LENGTH ? `${text}… (${value.length} characters)` : text;
  }
  return typeof value === 'object' ? describeKind(value) : String(value);
}

/** Removes the password from e.g. `postgres://me:secret@host`, `me:secret@host` or `host=h password=secret`. */
const maskPassword = (value: string): string =>
  value.replace(/^[^:]*:.*@/s, '…@').replace(/(password\s*=\s*)('[^']*'|\S+)/gi, '$1…');

/** Describes the type of a value that should be an object. A string is not shown, because it may be a secret. */
export function describeKind(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? '[]' : `a list of ${value.length}`;
  if (value === null || typeof value !== 'object') {
    return value === undefined || value === null ? String(value) : `a ${typeof value}`;
  }
  const name = readTypeName(value);
  return isConstruct(value) ? `the ${name} ${value.node.path}` : `a value of type ${name}`;
}

/**
 * Returns the name of a value's type. In compiled CDK code a class may be called DatabaseInstance2; jsii keeps the name
 * that users know.
 */
function readTypeName(value: object): string {
  const type = value.constructor as { name?: string; [JSII]?: { fqn?: string } } | undefined;
  return type?.[JSII]?.fqn?.split('.').at(-1) ?? type?.name ?? 'Object';
}
const JSII = Symbol.for('jsii.rtti');

const isConstruct = (value: object): value is IConstruct =>
  typeof (value as IConstruct).node?.path === 'string';
