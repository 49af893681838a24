// A stand-in for the engine's build tool: makes the module's rules for a platform and prints what they name.
using System;
using System.Collections.Generic;

namespace UnrealBuildTool
{
	public enum UnrealTargetPlatform { Linux, Mac, Win64 }

	public class ReadOnlyTargetRules { public UnrealTargetPlatform Platform; }

	public class RuntimeDependencyList
	{
		public void Add(string To, string From) { Console.WriteLine("runtime " + From); }
	}

	public class ModuleRules
	{
		public enum ModuleType { CPlusPlus, External }
		public enum PCHUsageMode { UseExplicitOrSharedPCHs }

		public static string Directory;
		public string ModuleDirectory { get { return Directory; } }
		public ModuleType Type;
		public PCHUsageMode PCHUsage;
		public List<string> PublicSystemIncludePaths = new List<string>();
		public List<string> PublicAdditionalLibraries = new List<string>();
		public List<string> PublicDelayLoadDLLs = new List<string>();
		public List<string> PublicDependencyModuleNames = new List<string>();
		public RuntimeDependencyList RuntimeDependencies = new RuntimeDependencyList();
		public ModuleRules(ReadOnlyTargetRules Target) { }
	}

	public static class Program
	{
		public static int Main(string[] Arguments)
		{
			var Target = new ReadOnlyTargetRules { Platform = (UnrealTargetPlatform)Enum.Parse(typeof(UnrealTargetPlatform), Arguments[0]) };
			ModuleRules.Directory = Arguments[1];
			var Rules = new AwqMarlin(Target);
			if (Rules.Type != ModuleRules.ModuleType.External) return 1;
			foreach (var Path in Rules.PublicSystemIncludePaths) Console.WriteLine("include " + Path);
			foreach (var Path in Rules.PublicAdditionalLibraries) Console.WriteLine("library " + Path);
			return new AwqMarlinRuntime(Target).PublicDependencyModuleNames.Contains("AwqMarlin") ? 0 : 1;
		}
	}
}
