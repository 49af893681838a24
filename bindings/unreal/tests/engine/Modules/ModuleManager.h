#pragma once

class IModuleInterface
{
public:
	virtual ~IModuleInterface() = default;
	virtual void StartupModule() {}
	virtual void ShutdownModule() {}
};

#define IMPLEMENT_MODULE(Class, Name)                          \
	extern "C" IModuleInterface* EngineModule##Name();         \
	extern "C" IModuleInterface* EngineModule##Name()          \
	{                                                          \
		static Class Module;                                   \
		return &Module;                                        \
	}
