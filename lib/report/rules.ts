/** What is known of a rule by its id: a title, and the page that explains it. A lint rule and a kind may have one id. */
import { AUDIT_KINDS, KINDS } from '../../lambda/defects';
import { RULES } from '../compiler/lint';

export interface RuleText {
  readonly title: string;
  /** Below docs/. */
  readonly page: string;
}

export type Rules = ReadonlyMap<string, RuleText>;

const raisesErrors = new Set<string>(KINDS.map(({ id }) => id));

/** What `audit` finds. */
export const AUDIT_RULES: Rules = new Map(
  AUDIT_KINDS.map(({ id, title }) => [
    id,
    { title, page: `${raisesErrors.has(id) ? 'defects' : 'audit'}/${id}.md` },
  ]),
);

/** What `check` says that is no lint rule. */
const OTHERS = {
  syntax: { title: "PostgreSQL's parser does not understand it.", page: 'refused-files.md' },
  refused: { title: 'It cannot work as it is written.', page: 'refused-statements.md' },
  'read-otherwise': {
    title: 'It is read otherwise than it is written, or passed over.',
    page: 'refused-files.md',
  },
  'apply-fails': { title: 'A migration cannot be applied to an empty server.', page: 'errors-migrations.md' },
  'verify-fails': {
    title: 'A verify section says that its migration did not make what it should.',
    page: 'verification.md',
  },
  'statement-fails': { title: 'A statement of the application no longer plans.', page: 'workload-guard.md' },
  'too-much-undecided': {
    title: 'Of too many statements nobody knows whether they plan.',
    page: 'workload.md',
  },
} satisfies Readonly<Record<string, RuleText>>;

/** Of a finding of `check` beside the lint rules. */
export type OtherRule = keyof typeof OTHERS;

export const CHECK_RULES: Rules = new Map<string, RuleText>([
  ...RULES.map(({ id, title, consent }) => [id, { title, page: `rules-${consent}.md#${id}` }] as const),
  ...Object.entries(OTHERS),
]);
