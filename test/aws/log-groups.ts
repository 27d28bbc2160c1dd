/** Log groups that outlive a stack: RDS and Lambda make one again for lines that arrive late, or had made it by themselves. */
import { DeleteLogGroupCommand, DescribeLogGroupsCommand } from '@aws-sdk/client-cloudwatch-logs';
import type { Aws } from './aws';
import { PREFIX } from './stack';

export const LOG_FOLDERS = ['/aws/rds/instance/', '/aws/rds/cluster/', '/aws/lambda/'] as const;

/** Of one run, or of all. */
export async function logGroupsOfRuns(aws: Aws, run = ''): Promise<string[]> {
  const found: string[] = [];
  for (const folder of LOG_FOLDERS) {
    let nextToken: string | undefined;
    do {
      const page = await aws.logs.send(
        new DescribeLogGroupsCommand({ logGroupNamePrefix: `${folder}${PREFIX}${run}`, nextToken }),
      );
      found.push(...(page.logGroups ?? []).map(({ logGroupName }) => logGroupName!));
      nextToken = page.nextToken;
    } while (nextToken);
  }
  return found;
}

/** When their stacks are gone. */
export async function removeLogGroups(aws: Aws, run?: string): Promise<void> {
  for (const logGroupName of await logGroupsOfRuns(aws, run)) {
    try {
      await aws.logs.send(new DeleteLogGroupCommand({ logGroupName }));
    } catch (error) {
      if ((error as Error).name !== 'ResourceNotFoundException') throw error;
    }
  }
}
