export { spawnNode, type ChildExit, type ChildHandle, type SpawnNodeOptions, type WaitForLineOptions } from './child.ts';
export { ChildExitedError, ServerStartError, ServersUnavailableError, ServerUrlMissingError, WaitTimeoutError, type TestingErrorCode } from './errors.ts';
export { recordingLogger, type LogLevel, type LogLine, type RecordingLogger } from './recording-logger.ts';
export { runExample, type ExampleResult, type RunExampleOptions } from './run-example.ts';
export { createTestClock, type TestClock } from './test-clock.ts';
export { DIALECTS, testDatabase, type TestDatabase, type TestDialect } from './test-database.ts';
export { testRedis, type TestRedis, type TestRedisOptions } from './test-redis.ts';
export { waitFor, type WaitForOptions } from './wait-for.ts';
