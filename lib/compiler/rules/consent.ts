/** Rejects statements that may lose data or take long, unless the file consents. */
import type { Consent } from '../lint/rule';
import type { FileDirectives } from '../read/directives';
import type { Source } from '../read/source';
import type { ParsedStatement } from '../read/statements';
import type { LintFinding, RuleFacts } from './facts';

/**
 * Reports findings without consent. Destroyed data does not come back; a rewrite in a plain dbmate file is left to the
 * statement timeout.
 */
export function requireConsent(
  source: Source,
  { parsed, facts }: { readonly parsed: ParsedStatement; readonly facts: RuleFacts },
  { consents }: FileDirectives,
  plainDbmate: boolean,
): void {
  const report = (finding: LintFinding, consent: Consent, danger: string): void => {
    const { at, rule, remedy, what } = finding;
    source.report(
      at === undefined || at < 0 ? parsed.start : parsed.toOffset(at),
      `${what}: ${danger}, and the file does not consent to it`,
      `${remedy} ${remedy ? 'Or' : 'If this is intended,'} add the line \`-- migrate:consent ${consent} <why>\`; for this rule alone, \`-- migrate:consent ${rule} <why>\`.`.trim(),
      rule,
    );
  };
  for (const finding of listFindingsWithoutConsent(facts, 'destroys', consents))
    report(finding, 'destroys', 'data may be lost');
  if (!plainDbmate)
    for (const finding of listFindingsWithoutConsent(facts, 'rewrites', consents))
      report(finding, 'rewrites', 'that may take a long time');
}

/** Returns the findings without consent, by rule id or by category. */
export const listFindingsWithoutConsent = (
  facts: RuleFacts,
  consent: Consent,
  consents: FileDirectives['consents'],
): readonly LintFinding[] =>
  consents.has(consent) ? [] : facts[consent].filter(({ rule }) => !consents.has(rule));
