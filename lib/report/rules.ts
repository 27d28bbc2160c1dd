/**
 * Describes a rule: its title, and the page that explains it. A lint rule and a check of `audit` may have the same id.
 */
import { AUDIT_KINDS, DEFECT_KINDS } from '../../lambda/defects';
import { RULES } from '../compiler/lint';

export interface RuleText {
  readonly title: string;
  /** Path of the page below docs/. */
  readonly page: string;
}

export type RuleTexts = ReadonlyMap<string, RuleText>;

const idsThatRaiseErrors = new Set<string>(DEFECT_KINDS.map(({ id }) => id));

/** The checks of `audit`. */
export const AUDIT_RULES: RuleTexts = new Map(
  AUDIT_KINDS.map(({ id, title }) => [
    id,
    { title, page: `${idsThatRaiseErrors.has(id) ? 'defects' : 'audit'}/${id}.md` },
  ]),
);

/** Results of `check` that are not from lint rules. */
const OTHER_RULES = {
  syntax: { title: "PostgreSQL's parser rejects the file.", page: 'refused-files.md' },
  refused: { title: 'The file cannot work as written.', page: 'refused-statements.md' },
  'read-otherwise': {
    title: 'The file is read differently from how it looks, or is skipped.',
    page: 'refused-files.md',
  },
  'apply-fails': { title: 'A migration cannot be applied to an empty server.', page: 'errors-migrations.md' },
  'verify-fails': {
    title: 'A verify section reports that its migration did not work.',
    page: 'verification.md',
  },
  'failing-statement': {
    title: 'A statement of the application can no longer be planned.',
    page: 'workload-guard.md',
  },
  'too-much-undecided': {
    title: 'Too many statements of the workload are undecided.',
    page: 'workload.md',
  },
} satisfies Readonly<Record<string, RuleText>>;

/** Id of a result of `check` that is not from a lint rule. */
export type OtherRule = keyof typeof OTHER_RULES;

export const CHECK_RULES: RuleTexts = new Map<string, RuleText>([
  ...RULES.map(({ id, title, consent }) => [id, { title, page: `rules-${consent}.md#${id}` }] as const),
  ...Object.entries(OTHER_RULES),
]);
