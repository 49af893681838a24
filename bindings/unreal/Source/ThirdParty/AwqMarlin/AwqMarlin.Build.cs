// The installed library: include/ and lib/ (bin/ on Windows) of `make install` stand beside this file.

using System.IO;
using UnrealBuildTool;

public class AwqMarlin : ModuleRules
{
	public AwqMarlin(ReadOnlyTargetRules Target) : base(Target)
	{
		Type = ModuleType.External;
		PublicSystemIncludePaths.Add(Path.Combine(ModuleDirectory, "include"));

		if (Target.Platform == UnrealTargetPlatform.Linux)
		{
			// Linked by its plain name, looked for at run time by its SONAME.
			string Library = Path.Combine(ModuleDirectory, "lib", "libawq_marlin.so");
			PublicAdditionalLibraries.Add(Library);
			RuntimeDependencies.Add("$(BinaryOutputDir)/libawq_marlin.so.0.1", Library + ".0.1");
		}
		else if (Target.Platform == UnrealTargetPlatform.Mac)
		{
			string Library = Path.Combine(ModuleDirectory, "lib", "libawq_marlin.dylib");
			PublicAdditionalLibraries.Add(Library);
			RuntimeDependencies.Add("$(BinaryOutputDir)/libawq_marlin.dylib", Library);
		}
		else if (Target.Platform == UnrealTargetPlatform.Win64)
		{
			PublicAdditionalLibraries.Add(Path.Combine(ModuleDirectory, "lib", "awq_marlin.dll.lib"));
			PublicDelayLoadDLLs.Add("awq_marlin.dll");
			RuntimeDependencies.Add("$(BinaryOutputDir)/awq_marlin.dll", Path.Combine(ModuleDirectory, "bin", "awq_marlin.dll"));
		}
	}
}
