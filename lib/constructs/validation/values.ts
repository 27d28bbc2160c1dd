/** Checks of plain values. A token passes, unless it must be known at synth. */
import { statSync } from 'node:fs';
import { type Duration, Token } from 'aws-cdk-lib';
import { type Check, type Checks, fault, kindOf, shown } from './check';

export interface TextOptions {
  /** E.g. `must be the name of a database`. */
  readonly must: string;
  readonly matches?: RegExp;
  /** In bytes of UTF-8. */
  readonly maxBytes?: number;
  /** It is needed while the app is synthesized, so a token is refused. @default false */
  readonly known?: boolean;
}

/** A text that says something: not empty, not blank, without control characters. */
export const text =
  ({ must, matches, maxBytes, known = false }: TextOptions): Check =>
  (value, name) => {
    if (typeof value !== 'string') return fault(name, value, must);
    if (Token.isUnresolved(value)) return known ? notKnown(name) : undefined;
    const fits =
      value.trim() !== '' &&
      !/\p{Cc}/u.test(value) &&
      (matches?.test(value) ?? true) &&
      Buffer.byteLength(value) <= (maxBytes ?? Number.POSITIVE_INFINITY);
    return fits ? undefined : fault(name, value, must);
  };

const notKnown = (name: string): string => `${name} is a token; it must be known at synth`;

const anyPath = text({ must: 'must be the path of a folder', known: true });

/** What is in it is the compiler's. */
export const folder: Check = (value, name) =>
  anyPath(value, name) ??
  (isFolder(value as string)
    ? undefined
    : fault(name, value, `must be a folder that is there, absolute or relative to ${process.cwd()}`));

/** What is in it is for whoever reads it. */
export const oneFile = text({ must: 'must be the path of a file', known: true });

/** One or several files; what is in them is for whoever reads them. */
export const paths: Check = (value, name) => {
  if (!Array.isArray(value)) return oneFile(value, name);
  if (value.length === 0) return fault(name, value, 'must be the path of a file, or several');
  return value.map((each, i) => oneFile(each, `${name}[${i}]`)).find((problem) => problem !== undefined);
};

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

export const flag: Check = (value, name) =>
  typeof value === 'boolean' ? undefined : fault(name, value, 'must be true or false');

export const oneOf =
  (...allowed: readonly string[]): Check =>
  (value, name) =>
    allowed.includes(value as string)
      ? undefined
      : fault(name, value, `must be ${allowed.map((each) => JSON.stringify(each)).join(' or ')}`);

/** A whole number, both ends included. */
export const whole =
  (least: number, most: number): Check =>
  (value, name) => {
    if (typeof value === 'number' && Token.isUnresolved(value)) return undefined;
    return Number.isInteger(value) && (value as number) >= least && (value as number) <= most
      ? undefined
      : fault(name, value, `must be a whole number from ${least} to ${most}`);
  };

const UNITS = { minutes: 60, seconds: 1 } as const;

/** A Duration of whole `unit`s, both ends included. Every one of them is needed at synth. */
export const duration =
  (unit: keyof typeof UNITS, least: number, most: number): Check =>
  (value, name) => {
    const must = `must be a Duration of whole ${unit}, from ${least} to ${most}, e.g. Duration.${unit}(${least})`;
    if (!isDuration(value)) return fault(name, value, must);
    if (value.isUnresolved()) return notKnown(name);
    const amount = value.toMilliseconds({ integral: false }) / 1000 / UNITS[unit];
    if (Number.isInteger(amount) && amount >= least && amount <= most) return undefined;
    return `${name} is ${Number((amount * UNITS[unit]).toFixed(3))} s; it ${must}`;
  };

// Not `instanceof`: an app may hold aws-cdk-lib twice.
const isDuration = (value: unknown): value is Duration =>
  typeof (value as Duration | null)?.toMilliseconds === 'function';

export interface ListOptions {
  /** @default - it may be empty */
  readonly notEmpty?: string;
  /** How many items at most. @default - as many as there are */
  readonly most?: number;
  /** What makes two items the same. @default - the item */
  readonly key?: (item: never) => unknown;
}

/** A list whose items are checked each, and none of which appears twice. */
export const list =
  (
    item: Check,
    { notEmpty, most = Number.POSITIVE_INFINITY, key = (each) => each }: ListOptions = {},
  ): Check =>
  (value, name) => {
    if (typeof value === 'object' && Token.isUnresolved(value)) return notKnown(name);
    if (!Array.isArray(value)) return fault(name, value, 'must be a list');
    if (value.length === 0) return notEmpty === undefined ? undefined : fault(name, value, notEmpty);
    if (value.length > most) return `${name} has ${value.length} items; it must have at most ${most}`;
    const wrong = value.map((each, i) => item(each, `${name}[${i}]`)).find((each) => each !== undefined);
    if (wrong !== undefined) return wrong;
    const keys = value.map((each) => key(each as never));
    const second = keys.findIndex((each, i) => keys.indexOf(each) < i);
    return second < 0
      ? undefined
      : `${name}[${second}] is ${shown(value[second])}; it must be in the list once, and is ${name}[${keys.indexOf(keys[second])}] already`;
  };

/**
 * An object of somebody's library, known by members that it has. Never `instanceof`: an app may hold a package twice. A
 * string in its place is not shown, since it may be a secret.
 */
export const objectWith =
  (must: string, ...members: readonly string[]): Check =>
  (value, name) => {
    const is =
      typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      members.every((member) => member in value);
    return is ? undefined : `${name} is ${kindOf(value)}; it ${must}`;
  };

/** Props that somebody else looks into: an object, and not a construct. */
export const plainObject = (must: string, ...members: readonly string[]): Check => {
  const anyObject = objectWith(must, ...members);
  return (value, name) =>
    anyObject(value, name) ?? ('node' in (value as object) ? fault(name, value, must) : undefined);
};

/** An object of props of its own; the first of them that is wrong is named. */
export const objectOf =
  <Props>(checks: Checks<Props>): Check =>
  (value, name) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return fault(name, value, `must be an object with ${Object.keys(checks).join(', ')}`);
    }
    return Object.entries<Check>(checks)
      .map(([key, check]) => check((value as Record<string, unknown>)[key], `${name}.${key}`))
      .find((problem) => problem !== undefined);
  };

/**
 * A URL with a host. What follows the host may be a key to a paging service, so it is not shown.
 * @param schemes e.g. `['https']`
 */
export const url =
  (must: string, schemes: readonly string[]): Check =>
  (value, name) => {
    const wrong = (seen: string) => `${name} is ${seen}; it ${must}`;
    if (typeof value !== 'string') return wrong(kindOf(value));
    if (Token.isUnresolved(value)) return undefined;
    if (/\s/.test(value) || !URL.canParse(value)) return wrong(value === '' ? '""' : 'no URL');
    const { protocol, host } = new URL(value);
    return schemes.includes(protocol.slice(0, -1)) && host !== ''
      ? undefined
      : wrong(`${protocol}//${host}/…`);
  };
