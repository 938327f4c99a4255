export function packageVersion(): string;
export function bundleWorklet(name: string, version: string): Promise<string>;
export function bundleWidget(version: string): Promise<string>;
export function bundleExplorer(): Promise<string>;
export function bundleStyle(name?: "widget" | "explorer"): Promise<string>;
