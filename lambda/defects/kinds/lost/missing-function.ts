import { makeLostKind } from '../../lost-kind';

export const missingFunction = makeLostKind('missing-function', {
  title: 'A function of the source is missing or different',
  impact: 'Statements that call it fail or give different results, and its triggers are missing.',
  origin:
    'AWS DMS and pgloader move no functions. A function without its search_path setting or SECURITY DEFINER still runs, but may behave differently.',
  remedy:
    'CREATE FUNCTION with the definition of the source: its settings, its language and SECURITY DEFINER are part of it.',
  blind: 'Across major versions, the body is compared by its hash and the rest by its parts.',
});
