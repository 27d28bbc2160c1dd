/**
 * Shows on standard error what the engine is doing: in a line that is redrawn on a terminal, and in few plain lines
 * elsewhere.
 */
import type { ProgressEvent, ProgressListener } from '../../../lambda/contract/converge';
import { formatDuration, type Terminal } from './terminal';

const FRAMES = ['|', '/', '-', '\\'];
const DRAW_EVERY_MS = 120;
/** Interval of the lines in a log, which should only show that the command is still running. */
const SIGN_OF_LIFE_MS = 15_000;
const ERASE_LINE = '\r\u001b[2K';

const DONE_VERBS = { apply: 'applied', record: 'recorded', undo: 'undone', verify: 'verified' } as const;

export interface ProgressView {
  readonly report: ProgressListener;
  /** Sets the description of the current work. */
  readonly now: (text: string) => void;
  /** Prints a line that is not overwritten. */
  readonly print: (line: string) => void;
  /** Runs `work` while the line is shown, then clears it. */
  during<T>(work: () => Promise<T>): Promise<T>;
}

export function createProgressView({ err, quiet }: Terminal): ProgressView {
  const { colors } = err;
  let doing = '';
  let since = 0;
  let frame = 0;
  let waitingSince = 0;

  const draw = (): void => {
    if (!doing) return;
    const text = `${FRAMES[frame++ % FRAMES.length]} ${doing}  ${formatDuration(Date.now() - since)}`;
    err.write(`${ERASE_LINE}${text.slice(0, err.columns - 1)}`);
  };
  const print = (line: string): void => {
    if (quiet) return;
    err.write(err.live ? ERASE_LINE : '');
    err.line(line);
  };
  const now = (text: string): void => {
    if (text === doing) return;
    doing = text;
    since = Date.now();
  };
  const beat = (): void => {
    if (doing) print(colors.dim(`${doing}, for ${formatDuration(Date.now() - since)}`));
  };

  const wait = (message: string): void => {
    // A terminal shows the message only briefly; a log gets it once, then a line at each interval.
    if (!err.live && Date.now() - waitingSince > SIGN_OF_LIFE_MS) {
      waitingSince = Date.now();
      print(colors.yellow(`waiting: ${message}`));
    }
    now(`waiting: ${message}`);
  };
  const finish = (event: Extract<ProgressEvent, { type: 'finished' }>): void => {
    doing = '';
    const done = colors.green(DONE_VERBS[event.action].padEnd(7));
    const took = event.durationMs === null ? '' : `  ${colors.dim(formatDuration(event.durationMs))}`;
    print(`${done}  ${event.migration}${took}`);
  };

  const report = (event: ProgressEvent): void => {
    if (event.type === 'started') now(`${event.action} ${event.migration}`);
    else if (event.type === 'statement')
      now(`${event.migration}  statement ${event.statement} of ${event.of}: ${event.command}`);
    else if (event.type === 'batch') now(`${event.migration}  ${event.total} rows changed so far`);
    else if (event.type === 'waiting') wait(event.message);
    else if (event.type === 'finished') finish(event);
    else print(`${colors.yellow('warning')}  ${event.message}`);
  };

  return {
    report,
    now,
    print,
    async during(work) {
      const timer = quiet
        ? undefined
        : setInterval(err.live ? draw : beat, err.live ? DRAW_EVERY_MS : SIGN_OF_LIFE_MS);
      try {
        return await work();
      } finally {
        clearInterval(timer);
        if (err.live && !quiet) err.write(ERASE_LINE);
        doing = '';
      }
    },
  };
}
