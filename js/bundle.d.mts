export function packageVersion(): string;
export function bundleWorklet(name: string, version: string): Promise<string>;
export function bundleWidget(version: string): Promise<string>;
export function bundleExplorer(): Promise<string>;
export const DRAWERS: readonly string[];
export const FURTHER: readonly string[];
export function bundleFurther(name: string, version: string): Promise<string>;
export function bundleStyle(name?: string): Promise<string>;
