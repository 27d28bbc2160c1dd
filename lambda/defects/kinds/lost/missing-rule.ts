import { makeLostKind } from '../../lost-kind';

export const missingRule = makeLostKind('missing-rule', {
  title: 'A rule of the source is missing or different',
  impact: 'Statements run as written, and the rule does not rewrite them.',
  origin: 'Migration tools do not copy rules.',
  remedy: 'CREATE RULE with the definition of the source.',
});
