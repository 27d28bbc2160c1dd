import { lostKind } from '../../lost';

export const notNullLost = lostKind('not-null-lost', {
  title: 'A column may be null that may not in the source',
  impact: 'Rows without the value are written, and the application does not expect them.',
  origin: 'Loaders create columns without NOT NULL, so that no row is refused.',
  remedy:
    'Settle the rows that have NULL. Then add CHECK (… IS NOT NULL) NOT VALID, validate it, and SET NOT NULL, which then needs no scan.',
});
