import { lostKind } from '../../lost';

export const commentLost = lostKind('comment-lost', {
  title: 'Comments are missing or other ones',
  impact: 'Tools that read comments (PostGraphile, documentation) see nothing.',
  origin: 'AWS DMS and loaders move no comments.',
  remedy: 'COMMENT ON, as the source has it.',
});
