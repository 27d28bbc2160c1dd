/** What may lose data or take long is refused unless the file says that it is meant. */
import type { Consent } from '../lint/rule';
import type { Directions } from '../read/directives';
import type { Source } from '../read/source';
import type { ParsedStatement } from '../read/statements';
import type { Facts, LintFinding } from './facts';

/**
 * Data that is destroyed does not come back; a rewrite in a plain dbmate file is left to the statement timeout.
 */
export function requireConsent(
  source: Source,
  { parsed, facts }: { readonly parsed: ParsedStatement; readonly facts: Facts },
  { consents }: Directions,
  plainDbmate: boolean,
): void {
  const report = (finding: LintFinding, consent: Consent, danger: string): void => {
    const { at, rule, remedy, what } = finding;
    source.report(
      at === undefined || at < 0 ? parsed.start : parsed.offsetOf(at),
      `${what}: ${danger}, and the file does not consent to it`,
      `${remedy} ${remedy ? 'Or' : 'If this is intended,'} add the line \`-- migrate:consent ${consent} <why>\`; for this rule alone, \`-- migrate:consent ${rule} <why>\`.`.trim(),
      rule,
    );
  };
  for (const finding of unconsented(facts, 'destroys', consents))
    report(finding, 'destroys', 'data may be lost');
  if (!plainDbmate)
    for (const finding of unconsented(facts, 'rewrites', consents))
      report(finding, 'rewrites', 'that may take a long time');
}

/** What a file consents to neither by its rule nor by all of its like. */
export const unconsented = (
  facts: Facts,
  consent: Consent,
  consents: Directions['consents'],
): readonly LintFinding[] =>
  consents.has(consent) ? [] : facts[consent].filter(({ rule }) => !consents.has(rule));
