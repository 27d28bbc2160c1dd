import { lostKind } from '../../lost';

export const publicationLost = lostKind('publication-lost', {
  title: 'A publication of the source is missing or publishes something else',
  impact: 'Subscribers and consumers of changes receive nothing, or less.',
  origin: 'A dump of tables does not hold it, and creating it needs rights on all its tables.',
  remedy: 'CREATE PUBLICATION as the source has it; subscribers have to be pointed here.',
});
