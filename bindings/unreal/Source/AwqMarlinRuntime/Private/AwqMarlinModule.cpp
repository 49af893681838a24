#include "CoreMinimal.h"
#include "Modules/ModuleManager.h"

#include <awq_marlin.h>

DEFINE_LOG_CATEGORY_STATIC(LogAwqMarlin, Log, All);

/** Sends the library's log to the engine's, and takes it back before the module goes. */
class FAwqMarlinModule : public IModuleInterface
{
public:
	virtual void StartupModule() override
	{
		if (awqm_abi_version() != AWQM_ABI_VERSION)
		{
			UE_LOG(LogAwqMarlin, Error, TEXT("the awq_marlin library is of another version than this plugin"));
			return;
		}
		if (awqm_set_log_callback(&FAwqMarlinModule::Line, nullptr, AWQM_LOG_LEVEL_WARN) != AWQM_STATUS_OK)
		{
			UE_LOG(LogAwqMarlin, Error, TEXT("no log from the awq_marlin library"));
		}
	}

	virtual void ShutdownModule() override
	{
		// When this returns, no line is on its way.
		const awqm_status Off = awqm_set_log_callback(nullptr, nullptr, AWQM_LOG_LEVEL_OFF);
		static_cast<void>(Off);
	}

private:
	static void Line(void*, awqm_log_level, const char* Message)
	{
		UE_LOG(LogAwqMarlin, Warning, TEXT("%s"), UTF8_TO_TCHAR(Message));
	}
};

IMPLEMENT_MODULE(FAwqMarlinModule, AwqMarlinRuntime)
