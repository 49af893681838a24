#include "AwqMarlinLayer.h"

#include "Async/ParallelFor.h"

#include <awq_marlin.hpp>

struct FAwqMarlinLayer::FState
{
	awqm::Linear Linear;
	TArray<uint8> Workspace;
	int32 Rows = 0; // that Workspace is for
};

namespace
{
	bool Fail(FString& Error, const awqm::Error& Problem)
	{
		Error = UTF8_TO_TCHAR(Problem.message());
		return false;
	}

	bool Fail(FString& Error, const TCHAR* Problem)
	{
		Error = Problem;
		return false;
	}

	void Parallel(void*, size_t Count, awqm_task_fn Task, void* Data)
	{
		ParallelFor(static_cast<int32>(Count), [Task, Data](int32 Index) { Task(Data, static_cast<size_t>(Index)); });
	}

	awqm::Result<awqm::Packed> Load(const FString& Directory, const FString& Name, awqm_layout Layout)
	{
		auto Checkpoint = awqm::Checkpoint::open(TCHAR_TO_UTF8(*Directory));
		if (!Checkpoint)
		{
			return awqm::Result<awqm::Packed>(awqm::Packed(), Checkpoint.code());
		}
		awqm_load_options Options = awqm::sized<awqm_load_options>();
		Options.layout = Layout;
		return Checkpoint->load(TCHAR_TO_UTF8(*Name), &Options);
	}
}

FAwqMarlinLayer::FAwqMarlinLayer() = default;
FAwqMarlinLayer::~FAwqMarlinLayer() = default;

bool FAwqMarlinLayer::Open(const FString& Directory, const FString& Name, FString& Error)
{
	awqm_cpu_options Options = awqm::sized<awqm_cpu_options>();
	Options.threads = static_cast<uint32>(FPlatformMisc::NumberOfCoresIncludingHyperthreads());
	Options.parallel = Parallel;
	auto Device = awqm::Device::cpu(&Options);
	if (!Device)
	{
		return Fail(Error, Device.error());
	}
	auto Packed = Load(Directory, Name, 0);
	if (!Packed)
	{
		return Fail(Error, Packed.error());
	}
	auto Linear = awqm::Linear::create(*Device, *Packed);
	if (!Linear)
	{
		return Fail(Error, Linear.error());
	}
	auto Info = Linear->info();
	if (!Info)
	{
		return Fail(Error, Info.error());
	}
	State = MakeUnique<FState>();
	State->Linear = static_cast<awqm::Linear&&>(*Linear);
	K = Info->k;
	N = Info->n;
	return true;
}

bool FAwqMarlinLayer::SaveMarlin(const FString& Directory, const FString& Name, const FString& File, FString& Error)
{
	auto Packed = Load(Directory, Name, AWQM_LAYOUT_MARLIN);
	if (!Packed)
	{
		return Fail(Error, Packed.error());
	}
	auto Saved = Packed->save(TCHAR_TO_UTF8(*File), "layer");
	return Saved ? true : Fail(Error, Saved.error());
}

bool FAwqMarlinLayer::Run(TArrayView<const float> X, TArrayView<float> Y, int32 Rows, FString& Error)
{
	if (!State)
	{
		return Fail(Error, TEXT("no layer is open"));
	}
	if (Rows < 1 || static_cast<int64>(X.Num()) != Rows * K || static_cast<int64>(Y.Num()) != Rows * N)
	{
		return Fail(Error, TEXT("X must have Rows * K numbers, Y Rows * N"));
	}
	if (Rows > State->Rows)
	{
		auto Bytes = State->Linear.workspace_bytes(Rows, AWQM_DTYPE_F32);
		if (!Bytes)
		{
			return Fail(Error, Bytes.error());
		}
		State->Workspace.SetNumUninitialized(static_cast<int32>(*Bytes));
		State->Rows = Rows;
	}
	const awqm_run_args Args = {sizeof(awqm_run_args), X.GetData(), AWQM_DTYPE_F32, AWQM_DTYPE_F32, Y.GetData(), Rows, 0, 0};
	auto Ran = State->Linear.run(Args, {State->Workspace.GetData(), static_cast<size_t>(State->Workspace.Num())});
	return Ran ? true : Fail(Error, Ran.error());
}
