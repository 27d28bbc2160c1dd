/** `npx tsx test/support/aws/data-api/main.ts postgres://user:password@host:port/database`: runs the endpoint until Ctrl-C. */
import { startDataApi } from './index';

async function main(): Promise<void> {
  const [text] = process.argv.slice(2);
  if (!text || !URL.canParse(text)) {
    console.error(
      'Usage: npx tsx test/support/aws/data-api/main.ts postgres://user:password@host:port/database',
    );
    process.exitCode = 2;
    return;
  }
  const url = new URL(text);
  const endpoint = await startDataApi({
    host: url.hostname,
    port: Number(url.port || 5432),
    secret: { username: decodeURIComponent(url.username), password: decodeURIComponent(url.password) },
  });
  console.log(`export AWS_ENDPOINT_URL_RDS_DATA=${endpoint.url}`);
  console.log('export AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local');
  console.log(`# resource ARN: ${endpoint.clusterArn}`);
  console.log(`# secret ARN:   ${endpoint.secretArn}`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void endpoint.close());
}

void main();
