/** Checks plain values. A token is accepted, unless the value must be known at synth. */
import { statSync } from 'node:fs';
import { type Duration, Token } from 'aws-cdk-lib';
import {
  describeFault,
  describeKind,
  findUnknownProps,
  formatValue,
  type PropCheck,
  type PropChecks,
} from './prop-checks';

export interface TextOptions {
  /** Requirement on the value, worded as in the message, e.g. `must be the name of a database`. */
  readonly must: string;
  readonly matches?: RegExp;
  /** Maximum length in bytes of UTF-8. */
  readonly maxBytes?: number;
  /** Whether the value is needed at synth, so that a token is refused. @default false */
  readonly known?: boolean;
}

/** Checks a text, which must not be empty or blank, or contain control characters. */
export const text =
  ({ must, matches, maxBytes, known = false }: TextOptions): PropCheck =>
  (value, name) => {
    if (typeof value !== 'string') return describeFault(name, value, must);
    if (Token.isUnresolved(value)) return known ? describeToken(name) : undefined;
    const fits =
      value.trim() !== '' &&
      !/\p{Cc}/u.test(value) &&
      (matches?.test(value) ?? true) &&
      Buffer.byteLength(value) <= (maxBytes ?? Number.POSITIVE_INFINITY);
    return fits ? undefined : describeFault(name, value, must);
  };

const describeToken = (name: string): string => `${name} is a token; it must be known at synth`;

const folderPathCheck = text({ must: 'must be the path of a folder', known: true });

/** Checks that a folder exists. The compiler checks its contents. */
export const folder: PropCheck = (value, name) =>
  folderPathCheck(value, name) ??
  (isFolder(value as string)
    ? undefined
    : describeFault(name, value, `must be a folder that is there, absolute or relative to ${process.cwd()}`));

/** Checks the path of a file. The code that reads the file checks its contents. */
export const filePathCheck = text({ must: 'must be the path of a file', known: true });

/** Checks the paths of one or several files. The code that reads the files checks their contents. */
export const filePathsCheck: PropCheck = (value, name) => {
  if (!Array.isArray(value)) return filePathCheck(value, name);
  if (value.length === 0) return describeFault(name, value, 'must be the path of a file, or several');
  return value
    .map((each, i) => filePathCheck(each, `${name}[${i}]`))
    .find((problem) => problem !== undefined);
};

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

export const booleanCheck: PropCheck = (value, name) =>
  typeof value === 'boolean' ? undefined : describeFault(name, value, 'must be true or false');

export const enumCheck =
  (...allowed: readonly string[]): PropCheck =>
  (value, name) =>
    allowed.includes(value as string)
      ? undefined
      : describeFault(name, value, `must be ${allowed.map((each) => JSON.stringify(each)).join(' or ')}`);

/** Checks a whole number from `least` to `most`, both included. */
export const integerCheck =
  (least: number, most: number): PropCheck =>
  (value, name) => {
    if (typeof value === 'number' && Token.isUnresolved(value)) return undefined;
    return Number.isInteger(value) && (value as number) >= least && (value as number) <= most
      ? undefined
      : describeFault(name, value, `must be a whole number from ${least} to ${most}`);
  };

const UNIT_SECONDS = { minutes: 60, seconds: 1 } as const;

/**
 * Checks a Duration of whole `unit`s from `least` to `most`, both included. Tokens are refused, because every duration
 * is needed at synth.
 */
export const durationCheck =
  (unit: keyof typeof UNIT_SECONDS, least: number, most: number): PropCheck =>
  (value, name) => {
    const must = `must be a Duration of whole ${unit}, from ${least} to ${most}, e.g. Duration.${unit}(${least})`;
    if (!isDuration(value)) return describeFault(name, value, must);
    if (value.isUnresolved()) return describeToken(name);
    const amount = value.toMilliseconds({ integral: false }) / 1000 / UNIT_SECONDS[unit];
    if (Number.isInteger(amount) && amount >= least && amount <= most) return undefined;
    return `${name} is ${Number((amount * UNIT_SECONDS[unit]).toFixed(3))} s; it ${must}`;
  };

// Not `instanceof`, because an app may contain two copies of aws-cdk-lib.
const isDuration = (value: unknown): value is Duration =>
  typeof (value as Duration | null)?.toMilliseconds === 'function';

export interface ListOptions {
  /** Requirement that an empty list violates, e.g. `must have at least one pattern`. @default - the list may be empty */
  readonly notEmpty?: string;
  /** Maximum number of items. @default - no limit */
  readonly most?: number;
  /** Returns the key by which two items count as the same. @default - the item itself */
  readonly key?: (item: never) => unknown;
}

/** Checks each item of a list, and that no item appears twice. */
export const list =
  (
    item: PropCheck,
    { notEmpty, most = Number.POSITIVE_INFINITY, key = (each) => each }: ListOptions = {},
  ): PropCheck =>
  (value, name) => {
    if (typeof value === 'object' && Token.isUnresolved(value)) return describeToken(name);
    if (!Array.isArray(value)) return describeFault(name, value, 'must be a list');
    if (value.length === 0) return notEmpty === undefined ? undefined : describeFault(name, value, notEmpty);
    if (value.length > most) return `${name} has ${value.length} items; it must have at most ${most}`;
    const wrong = value.map((each, i) => item(each, `${name}[${i}]`)).find((each) => each !== undefined);
    if (wrong !== undefined) return wrong;
    const keys = value.map((each) => key(each as never));
    const second = keys.findIndex((each, i) => keys.indexOf(each) < i);
    return second < 0
      ? undefined
      : `${name}[${second}] is ${formatValue(value[second])}; it must be in the list once, and is ${name}[${keys.indexOf(keys[second])}] already`;
  };

/**
 * Checks an object of a library by its members, which the type argument has. It never uses `instanceof`, because an app
 * may contain a package twice. A string in its place is not shown, since it may be a secret.
 */
export const objectCheck =
  <T extends object = object>(must: string, ...members: readonly (keyof T & string)[]): PropCheck =>
  (value, name) => {
    const is =
      typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      members.every((member) => member in value);
    return is ? undefined : `${name} is ${describeKind(value)}; it ${must}`;
  };

/** Checks that props are an object and not a construct. Other code checks their contents. */
export const plainObjectCheck = <T extends object = object>(
  must: string,
  ...members: readonly (keyof T & string)[]
): PropCheck => {
  const anyObject = objectCheck<T>(must, ...members);
  return (value, name) =>
    anyObject(value, name) ?? ('node' in (value as object) ? describeFault(name, value, must) : undefined);
};

/** Checks an object with its own props, and reports the first that is wrong. */
export const propsCheck =
  <Props>(checks: PropChecks<Props>): PropCheck =>
  (value, name) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return describeFault(name, value, `must be an object with ${Object.keys(checks).join(', ')}`);
    }
    return (
      Object.entries<PropCheck>(checks)
        .map(([key, check]) => check((value as Record<string, unknown>)[key], `${name}.${key}`))
        .find((problem) => problem !== undefined) ??
      findUnknownProps(value, Object.keys(checks), `${name}.`)[0]
    );
  };

/**
 * Checks a URL with a host. The part after the host may be a key for a paging service, so it is not shown.
 * @param schemes e.g. `['https']`
 */
export const urlCheck =
  (must: string, schemes: readonly string[]): PropCheck =>
  (value, name) => {
    const wrong = (seen: string) => `${name} is ${seen}; it ${must}`;
    if (typeof value !== 'string') return wrong(describeKind(value));
    if (Token.isUnresolved(value)) return undefined;
    if (/\s/.test(value) || !URL.canParse(value)) return wrong(value === '' ? '""' : 'no URL');
    const { protocol, host } = new URL(value);
    return schemes.includes(protocol.slice(0, -1)) && host !== ''
      ? undefined
      : wrong(`${protocol}//${host}/…`);
  };
