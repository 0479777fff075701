export { EX_CONFIG, loadConfig, type DeepReadonly, type Explanation, type LoadConfigOptions, type LoadedConfig, type SettingSource } from './config.ts';
export { ConfigError, ConfigSchemaError, UnknownSettingError, type ConfigErrorCode, type ConfigFault } from './errors.ts';
export { derived, duration, secret, secretUrl, type DerivedOptions, type DurationOptions, type SecretUrlOptions } from './kinds.ts';
export { type LayerName } from './layers.ts';
export { authPart, dataDir, databasePart, httpPart, logPart, redisPart, sharedParts, stopPart, type HttpPart, type HttpPartOptions, type SharedParts } from './parts.ts';
export { settings, type SettingRow, type SettingsOptions } from './schema.ts';
export { Secret, SecretUrl } from './secret.ts';
