/** Reads the directives of a file: consents, settings, superseded migrations, and the reason why it is not verified. */
import type { MigrationSettings } from '../../../lambda/contract/manifest';
import { findNearest } from './nearest';
import type { Directive } from './sections';
import type { Source } from './source';

export interface FileDirectives {
  /**
   * Maps each superseded name to the offset of its directive. Whether the migrations exist is known once all files are
   * read.
   */
  readonly supersedes: ReadonlyMap<string, number>;
  readonly withoutVerify: { readonly why: string; readonly at: number } | null;
  /** Offset of `history`, which states that this file and older ones were applied before Trueup was adopted. */
  readonly historyAt: number | null;
  /** The consents: `destroys`, `rewrites`, and ids of lint rules. */
  readonly consents: ReadonlySet<string>;
  /** Why the file may break statements of the running application; `null` if it may not. */
  readonly breaks: string | null;
  readonly settings: MigrationSettings;
}

const TIMEOUTS = { 'lock-timeout': 'lockTimeoutMs', 'statement-timeout': 'statementTimeoutMs' } as const;
const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, min: 60_000 };
/** PostgreSQL's limit for timeouts (https://www.postgresql.org/docs/current/runtime-config-client.html). */
const MAX_TIMEOUT_MS = 2_147_483_647;

/** A consent that no lint rule requires: the guard checks it once the migration has run. */
const BREAKS_CONSENT = 'breaks';

/**
 * Reads the directives.
 * @param consentable words that a file can consent to
 */
export function readDirectives(
  source: Source,
  directives: readonly Directive[],
  consentable: readonly string[],
): FileDirectives {
  const supersedes = new Map<string, number>();
  const consents = new Map<string, string>();
  const timeouts: { lockTimeoutMs?: number; statementTimeoutMs?: number } = {};
  let withoutVerify: FileDirectives['withoutVerify'] = null;
  let historyAt: number | null = null;
  for (const { name, value, at } of directives) {
    if (name === 'supersedes') readSupersedes(source, value, at, supersedes);
    else if (name === 'settings') readSettings(source, value, at, timeouts);
    else if (name === 'consent') readConsent(source, value, at, consentable, consents);
    else if (name === 'decide')
      source.report(
        at,
        value === '' ? '`migrate:decide` says nothing' : `a decision is open: ${value}`,
        'Write the decision into the file as SQL, and remove this line: nothing is run before that.',
      );
    else if (name === 'history') {
      if (value === '')
        source.report(at, '`migrate:history` gives no reason', 'Write `-- migrate:history <why>`.');
      historyAt = at;
    } else {
      if (withoutVerify) source.report(at, '`migrate:no-verify` appears twice', 'Keep one of them.');
      else if (value === '')
        source.report(at, '`migrate:no-verify` gives no reason', 'Write `-- migrate:no-verify <why>`.');
      withoutVerify = { why: value, at };
    }
  }
  return {
    supersedes,
    withoutVerify,
    historyAt,
    consents: new Set(consents.keys()),
    breaks: consents.get(BREAKS_CONSENT) ?? null,
    settings: { ...timeouts, supersedes: [...supersedes.keys()] },
  };
}

function readConsent(
  source: Source,
  value: string,
  at: number,
  consentable: readonly string[],
  consents: Map<string, string>,
): void {
  const [, kind = '', why = ''] = /^(\S*)\s*(.*)$/s.exec(value)!;
  const form =
    'Write `-- migrate:consent destroys <why>`, with `rewrites`, `breaks` or the id of a rule in place of `destroys`.';
  if (kind !== BREAKS_CONSENT && !consentable.includes(kind)) {
    const meant = findNearest(kind, [...consentable, BREAKS_CONSENT]);
    const what = kind ? `\`${kind}\` is not something to consent to` : 'the consent names no rule';
    source.report(at, what, meant ? `Did you mean \`${meant}\`? ${form}` : form);
  } else if (why === '') source.report(at, `the consent to \`${kind}\` gives no reason`, form);
  else consents.set(kind, why);
}

function readSupersedes(source: Source, value: string, at: number, known: Map<string, number>): void {
  const name = value.replace(/\.sql$/, '');
  if (name === '' || /\s/.test(name))
    source.report(
      at,
      '`migrate:supersedes` must name one migration',
      'Write one line for each, e.g. `-- migrate:supersedes 0003_add_email`.',
    );
  else if (known.has(name)) source.report(at, `\`${name}\` is superseded twice`, 'Remove one of the lines.');
  else known.set(name, at);
}

function readSettings(
  source: Source,
  value: string,
  at: number,
  timeouts: { lockTimeoutMs?: number; statementTimeoutMs?: number },
): void {
  const form =
    'Write e.g. `-- migrate:settings lock-timeout=500ms statement-timeout=30s` (units ms, s, min).';
  if (value === '') source.report(at, '`migrate:settings` sets nothing', form);
  for (const pair of value.split(/\s+/).filter(Boolean)) {
    const [, name = pair, amount = ''] = /^([^=]*)=(.*)$/.exec(pair) ?? [];
    const key = TIMEOUTS[name as keyof typeof TIMEOUTS];
    if (!key) {
      const meant = findNearest(name, Object.keys(TIMEOUTS));
      source.report(
        at,
        `there is no setting \`${name}\``,
        meant ? `Did you mean \`${meant}\`? ${form}` : form,
      );
      continue;
    }
    const [, digits, unit] = /^(\d{1,10})(ms|s|min)$/.exec(amount) ?? [];
    const ms = Number(digits) * (UNITS_MS[unit ?? ''] ?? Number.NaN);
    if (!(ms > 0 && ms <= MAX_TIMEOUT_MS)) source.report(at, `\`${pair}\` is not a time`, form);
    else if (timeouts[key] !== undefined) source.report(at, `\`${name}\` is set twice`, 'Keep one of them.');
    else timeouts[key] = ms;
  }
}
