import { lostKind } from '../../lost';

export const functionLost = lostKind('function-lost', {
  title: 'A function of the source is missing or another one',
  impact: 'Statements that call it fail or compute something else, and its triggers are missing.',
  origin:
    'AWS DMS and pgloader move no functions. A function whose search_path setting or SECURITY DEFINER is lost runs, and does something else.',
  remedy:
    'CREATE FUNCTION with the definition of the source: its settings, its language and SECURITY DEFINER are part of it.',
  blind: 'Between majors the body is compared by its hash, and the rest by its parts.',
});
