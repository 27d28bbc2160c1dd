/** What was read of an alarm's lines becomes a page, if somebody is to be woken. */
import { signatureOf } from '../../defects/signatures';
import { log } from '../../log';
import type { RaisedAlarm } from '../alarm';
import { type PageContext, pageAlarm } from '../context';
import { isPaged } from '../document/finding';
import { documentOf, type PageContent } from '../document/render';
import type { Read } from '../logs/read';
import { logPaged, type PagedLines } from '../paged';
import { tell } from '../tell';
import { diagnoseAll } from './diagnoses';

/** More in one message are named, not described. */
const MOST_FINDINGS = 10;
/** Of everyday errors, which are described only where the catalogue names a defect. */
const MOST_ASKED = 50;

interface About extends Pick<PageContent, 'signature' | 'followUp'> {
  readonly alarm: RaisedAlarm;
  /** That were read. */
  readonly lines: PagedLines;
}

export async function pageErrors(about: About, read: Read, context: PageContext): Promise<void> {
  const { alarm, signature, followUp, lines } = about;
  const { settings } = context;
  const onlyDiagnosed = signatureOf(signature)?.pagedWhen === 'diagnosed';
  const asked = read.groups.slice(0, onlyDiagnosed ? MOST_ASKED : MOST_FINDINGS);
  const diagnoses = await diagnoseAll(asked, context);
  const findings = asked.map((group, i) => ({ group, diagnosis: diagnoses[i]! })).filter(isPaged);
  if (onlyDiagnosed && findings.length === 0) {
    log('not-paged', { alarm: alarm.name, followUp, asked: asked.length, groups: read.groups.length });
    return;
  }
  const document = documentOf({
    alarm: pageAlarm(alarm.name, context),
    signature,
    followUp,
    findings: findings.slice(0, MOST_FINDINGS),
    // What nobody has proved is everyday, and is not named.
    others: onlyDiagnosed
      ? findings.slice(MOST_FINDINGS).map(({ group }) => group)
      : read.groups.slice(MOST_FINDINGS),
    overflow: onlyDiagnosed ? 0 : read.overflow,
    complete: read.complete,
    logGroups: settings.logGroups.map(({ name }) => name),
    fromMs: Math.min(alarm.sinceMs, ...findings.map(({ group }) => Date.parse(group.first))),
    toMs: Date.now(),
    runbookUrl: settings.runbookUrl,
  });
  await tell(document, context);
  const { fromMs, untilIngestedMs } = lines;
  logPaged(document, { fromMs, untilIngestedMs });
}
