import { lostKind } from '../../lost';

export const ruleLost = lostKind('rule-lost', {
  title: 'A rule of the source is missing or another one',
  impact: 'Statements do what they say, and not what the rule made of them.',
  origin: 'No mover takes rules.',
  remedy: 'CREATE RULE with the definition of the source.',
});
