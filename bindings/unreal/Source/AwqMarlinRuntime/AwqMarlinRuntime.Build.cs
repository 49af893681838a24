using UnrealBuildTool;

public class AwqMarlinRuntime : ModuleRules
{
	public AwqMarlinRuntime(ReadOnlyTargetRules Target) : base(Target)
	{
		PCHUsage = PCHUsageMode.UseExplicitOrSharedPCHs;
		PublicDependencyModuleNames.AddRange(new string[] { "Core", "AwqMarlin" });
	}
}
