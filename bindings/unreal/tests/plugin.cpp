// The plugin in a stand-in for the engine: plugin FIXTURES OUT_FILE
#include <cmath> // before the engine's macros, which the standard library does not bear; the plugin does
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "AwqMarlinLayer.h"
#include "AwqMarlinLayer.h" // twice is fine
#include "Async/ParallelFor.h"
#include "Modules/ModuleManager.h"

#include <awq_marlin.h>

#define EXPECT(Condition) do { if (!(Condition)) { std::fprintf(stderr, "line %d: %s\n", __LINE__, #Condition); std::exit(1); } } while (0)

int32 EngineTasks = 0;
static int Lines = 0;

// ASCII is enough here.
std::u16string EngineWiden(const char* Text) { return std::u16string(Text, Text + std::strlen(Text)); }
std::string EngineNarrow(const TCHAR* Text)
{
	std::string Out;
	for (; *Text; ++Text) Out += static_cast<char>(*Text);
	return Out;
}
void EngineLog(const TCHAR*, const TCHAR*) { ++Lines; }
extern "C" IModuleInterface* EngineModuleAwqMarlinRuntime();

int First(const FString& Directory);

static bool Says(const FString& Error, const char* Part) { return EngineNarrow(*Error).find(Part) != std::string::npos; }

static float Half(std::uint16_t Bits)
{
	const int Exponent = Bits >> 10 & 31;
	const float Value = Exponent ? std::ldexp(static_cast<float>(1024 + (Bits & 1023)), Exponent - 25) : std::ldexp(static_cast<float>(Bits & 1023), -24);
	return Bits >> 15 ? -Value : Value;
}

int main(int Count, char** Arguments)
{
	EXPECT(Count == 3);
	const std::string Folder = std::string(Arguments[1]) + "/checkpoint/llama2l_gemm", Tensors = Folder + ".expected.safetensors";
	const FString Directory(EngineWiden(Folder.c_str()).c_str()), Name(TEXT("model.layers.0.mlp.up_proj"));
	IModuleInterface* Module = EngineModuleAwqMarlinRuntime();
	Module->StartupModule();

	// Sixteen times the two rows of the fixture, so that the work is shared out.
	const int32 Rows = 32;
	awqm_checkpoint* Expected = nullptr;
	awqm_tensor_view In = {}, Out = {};
	In.struct_size = Out.struct_size = sizeof In;
	const char* Path = Tensors.c_str();
	EXPECT(awqm_checkpoint_open_files(&Path, 1, nullptr, &Expected) == AWQM_STATUS_OK);
	EXPECT(awqm_checkpoint_get_tensor(Expected, "x_k256", &In) == AWQM_STATUS_OK);
	EXPECT(awqm_checkpoint_get_tensor(Expected, "y.model.layers.0.mlp.up_proj", &Out) == AWQM_STATUS_OK);
	std::vector<float> X(Rows * 256), Y(Rows * 512);
	for (std::size_t i = 0; i < X.size(); ++i)
	{
		std::uint16_t Bits;
		std::memcpy(&Bits, static_cast<const char*>(In.data) + 2 * (i % 512), 2);
		X[i] = Half(Bits);
	}

	FString Error;
	{
		FAwqMarlinLayer Layer;
		const auto Run = [&](int32 NumX, int32 NumY, int32 NumRows) { return Layer.Run({X.data(), NumX}, {Y.data(), NumY}, NumRows, Error); };
		EXPECT(!Run(256, 512, 1) && Says(Error, "no layer is open"));
		EXPECT(!Layer.Open(TEXT("/nowhere"), Name, Error) && Says(Error, "/nowhere"));
		EXPECT(!Layer.Open(Directory, TEXT("no.such.layer"), Error) && Says(Error, "no.such.layer"));
		EXPECT(Layer.GetK() == 0);

		EXPECT(Layer.Open(Directory, Name, Error) && Layer.GetK() == 256 && Layer.GetN() == 512);
		EXPECT(!Run(255, 512, 1) && !Run(256, 511, 1) && !Run(256, 512, 0) && Says(Error, "Rows"));
		const int32 Before = EngineTasks;
		EXPECT(Run(Rows * 256, Rows * 512, Rows) && EngineTasks > Before);
		for (std::size_t i = 0; i < Y.size(); ++i)
		{
			double Want;
			std::memcpy(&Want, static_cast<const char*>(Out.data) + 8 * (i % 1024), 8);
			EXPECT(std::fabs(Y[i] - Want) < 0.02);
		}
		EXPECT(Run(256, 512, 1));
	}
	EXPECT(FAwqMarlinLayer::SaveMarlin(Directory, Name, EngineWiden(Arguments[2]).c_str(), Error));
	EXPECT(!FAwqMarlinLayer::SaveMarlin(TEXT("/nowhere"), Name, TEXT("x"), Error) && Says(Error, "/nowhere"));

	awqm_checkpoint_free(Expected);
	Module->ShutdownModule();
	EXPECT(Lines == 0 && First(Directory) == 0 && First(TEXT("/nowhere")) == 1 && Lines == 1);
	std::puts("ok");
	return 0;
}
