import { makeLostKind } from '../../lost-kind';

export const missingNotNull = makeLostKind('missing-not-null', {
  title: 'A column is nullable that is NOT NULL in the source',
  impact: 'Rows without a value can be written, which the application does not expect.',
  origin: 'Loaders create columns without NOT NULL, so that they reject no rows.',
  remedy:
    'Resolve the rows that have NULL. Then add CHECK (… IS NOT NULL) NOT VALID, validate it, and SET NOT NULL, which then needs no scan.',
});
