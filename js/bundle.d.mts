export function packageVersion(): string;
export function bundleWorklet(name: string, version: string): Promise<string>;
export function bundleWidget(version: string): Promise<string>;
export function bundleStyle(): Promise<string>;
