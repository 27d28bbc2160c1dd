import { makeLostKind } from '../../lost-kind';

export const missingComment = makeLostKind('missing-comment', {
  title: 'Comments are missing or different',
  impact: 'Tools that read comments (PostGraphile, documentation) find none.',
  origin: 'AWS DMS and loaders move no comments.',
  remedy: 'COMMENT ON with the definition of the source.',
});
