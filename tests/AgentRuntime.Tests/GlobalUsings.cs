global using AgentKernel.AgentRuntime.Tests.Agents;
global using Xunit;
